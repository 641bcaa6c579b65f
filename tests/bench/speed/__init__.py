"""What a scan costs, beside other scanners."""
