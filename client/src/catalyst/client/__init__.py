"""Send a command and await its outcome; read and watch the read model."""
