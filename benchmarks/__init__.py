"""Each figure that we claim, as a script that prints it; its last line is one JSON object."""
