"""What runs on the developer's machine: the toolchain, the local cluster and the images it needs."""
