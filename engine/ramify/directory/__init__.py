"""Floor 4: the directory, recorded topology: hosts with stubs, deployed nodes, runs (HPL 2.3)."""
