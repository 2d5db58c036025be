"""Writers: predictions as people read them, and rows in each data format."""
