"""The parts of the benchmark by name; a new one is a line here and a name in the command."""

from eval.bench.archive import measure_archive
from eval.bench.archive_index import measure_archive_index
from eval.bench.comparison import measure_comparison
from eval.bench.embedding import measure_embedding
from eval.bench.frontend import measure_frontend
from eval.bench.metrics import measure_metrics
from eval.bench.process import measure_memory, measure_startup
from eval.bench.scoring import measure_scoring
from eval.bench.training import measure_training

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
