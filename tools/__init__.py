"""Library and media -> hits, and later views and looks. Tools never decide."""
