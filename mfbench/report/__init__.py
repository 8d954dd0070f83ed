"""What people read: the terminal, markdown, JSON, README.md, STATUS.md."""
