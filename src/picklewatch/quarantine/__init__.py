"""The vault: moves a judged file out of reach, and gives it back; descriptor-relative, journaled, crash-safe."""
