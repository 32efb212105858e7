"""Floor 4: a project's files become a bundle; artifacts, the content store and runtimes."""
