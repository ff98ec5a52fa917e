"""What the black-box tests are made of: the program, its peers, and the providers it asks."""
