"""What comes before the first step: by which file a run goes, and whether that is in order."""
