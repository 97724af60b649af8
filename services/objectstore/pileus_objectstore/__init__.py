"""Objects, the Swift and S3 way."""
