"""Measure scans beside other scanners."""
