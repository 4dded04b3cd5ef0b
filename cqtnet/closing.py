"""What is open until its block ends."""

from typing import Self


class Closing:
    """For classes with a `close`: closed at the end of a `with` block, however that ends."""

    def close(self) -> None:
        """Give back what is held; a second time does nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
