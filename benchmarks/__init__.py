"""Speed figures: each module measures one claim and prints BENCH lines. `make bench` runs all."""
