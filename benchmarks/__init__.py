"""What is measured of ruleout beside others: `make benchmark` runs it all, docs/benchmarks.md says what came out."""
