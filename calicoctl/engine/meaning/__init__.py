"""What profiles and scripts mean for traffic: the analysis of rules, put to work on what is stored and written."""
