"""The row of a finished study, as the store gives it to reports and pages."""

from __future__ import annotations

from dataclasses import replace

from sampler.store.read_models import StudyRow


def study_row(**changed: object) -> StudyRow:
    row = StudyRow(
        id=1,
        uid="u",
        name="a study",
        problems_source="humaneval",
        problems_digest="d" * 64,
        seed=3,
        status="done",
        host=None,
        pid=None,
        created_at=0.0,
        started_at=None,
        heartbeat_at=None,
        ended_at=None,
        exit_reason=None,
        problems=4,
        wanted=32,
        sampled=32,
        scored=32,
    )
    return replace(row, **changed)  # type: ignore[arg-type]
