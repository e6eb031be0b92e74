"""The commands of `synth`, a module for each kind."""
