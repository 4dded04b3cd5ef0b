"""Commands of the cqtnet package: parse, one library call, print."""
