"""What Holdfast costs, beside what Mem0 costs for the same work in the same process.

Run with `python -m benchmarks`; `benchmarks/README.md` says what is measured and how.
"""

import os

# Read once, when NumPy, FAISS and Mem0 are loaded: so they are set before any module here imports them.
# One thread for everybody, because a second one on a small machine measures the scheduler.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
os.environ.update(MEM0_TELEMETRY="False", ANONYMIZED_TELEMETRY="False", PYTHONWARNINGS="ignore")
