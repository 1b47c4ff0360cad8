"""Where trainings run besides this machine: Ray and SLURM."""
