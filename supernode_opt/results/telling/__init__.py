"""What each kind of saved result says, in parts that shells and pages show."""
