"""Measure what Holdfast costs, and what Mem0 costs for the same work in the same process.

Run with `python -m benchmarks`; `benchmarks/README.md` explains the measures.
"""

import os

# Set before any module here imports NumPy, FAISS or Mem0, which read these variables once, when they are loaded.
# One thread for both sides, because on a small machine a second thread measures the scheduler.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ.update(MEM0_TELEMETRY="False", ANONYMIZED_TELEMETRY="False", PYTHONWARNINGS="ignore")
