"""What an archive survives: killed writers, damaged files, full disks, several at once."""
