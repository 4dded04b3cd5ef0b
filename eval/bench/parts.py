"""The parts of the benchmark by name; a new one is a line here and a name in the command."""

from eval.bench.archive import measure_archive, measure_archive_index
from eval.bench.engine import (
    measure_comparison,
    measure_embedding,
    measure_frontend,
    measure_memory,
    measure_startup,
)
from eval.bench.research import measure_metrics, measure_scoring, measure_training

MEASURES = {
    "startup": measure_startup,
    "frontend": measure_frontend,
    "embedding": measure_embedding,
    "training": measure_training,
    "comparison": measure_comparison,
    "archive": measure_archive,
    "archive-index": measure_archive_index,
    "scoring": measure_scoring,
    "metrics": measure_metrics,
    "memory": measure_memory,
}
