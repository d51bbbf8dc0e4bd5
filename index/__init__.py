"""Video file -> library: decode, shots, clips, lanes, store, vectors, pipeline."""
