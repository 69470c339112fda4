"""The search index: the `Index` protocol, and the implementation that keeps everything in memory."""
