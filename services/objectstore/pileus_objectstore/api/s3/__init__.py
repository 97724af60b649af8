"""Amazon's S3 API over the same containers and objects as Swift's: a bucket is a container of the key's project."""
