"""A report as one self-contained page, to copy off the machine and look at anywhere."""
