"""What rules mean: which packets a list of rules decides, and how. Pure: no input or output, no datastore."""
