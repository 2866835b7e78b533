"""The wallet itself: its native coin and the listed tokens that it holds."""
