"""What keeps a training alive, and changes no weight: locks, training states, signals, time limits, torchrun."""
