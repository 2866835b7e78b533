"""Contract calls as bytes: signatures compiled once, fixed layouts by slicing, columns with numpy."""
