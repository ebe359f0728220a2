"""The effect of profiles and scripts on traffic: the analysis of rules, applied to stored profiles and to scripts."""
