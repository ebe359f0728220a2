"""What is printed: answers, tables, colours and bars."""
