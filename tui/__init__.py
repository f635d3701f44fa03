"""Show on a terminal which model wins at which budget, and how certain that is, from a study's store.

    store ─┬─► data.store_watcher (a thread) ─► Snapshot ─► app ─► the screen in front ─► widgets
           └─► data.query_worker  (a thread) ─► pages, slices ─────────────┘

* `data` reads. The store watcher polls the store, reads what is new, closes every statement, and posts one immutable
  `Snapshot`. The query worker reads what a screen requests beyond the snapshot, urgent requests first; there
  the scans of `sample_index` and of the failures run in short slices.
* `screens` arrange widgets and hold what the reader has chosen. What a screen says is decided by pure functions, from
  rows to words and cells, which most tests call.
* `widgets` draw the values that they are given and send messages up.
* `app` has the keys that work everywhere. `screens.base` holds what all screens share: the two threads, the newest
  snapshot, what the reader has chosen.
* `cli` decides whether there is a terminal at all before Textual is imported.

Texts of models and programs are hostile: they pass `text.sanitize` and are never parsed as markup. Colour is never the
only sign: there is always a word, a mark or a dash pattern, too. Quitting ends the viewer, never a run.
"""
