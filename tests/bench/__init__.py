"""`make bench`: the platform's figures beside their peers' and their limits', all measured in one run."""
