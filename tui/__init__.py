"""The screen: it reads a study's store and shows which model wins at which budget, and how sure that is.

    store ─┬─► data.store_watcher (a thread) ─► Snapshot ─► app ─► the screen in front ─► widgets
           └─► data.query_worker  (a thread) ─► pages, slices ─────────────┘

* `data` reads. The store watcher polls the store, reads what is new, closes every statement, and posts one immutable
  `Snapshot`. The query worker reads what a screen asks for beyond the snapshot, urgent requests first; `sample_index`
  and `failure_groups` are scans that go on in short slices there.
* `screens` arrange widgets and hold what the reader has chosen. What a screen says is decided by pure functions, from
  rows to words and cells, which most tests call.
* `widgets` draw the values that they are given and send messages up.
* `app` has the keys that work everywhere. `screens.base` holds what all screens share: the two threads, the newest
  snapshot, what the reader has chosen.
* `cli` decides whether there is a terminal at all before Textual is imported.

What models and programs wrote is hostile: it passes `text.sanitize` and is never parsed as markup. Colour never carries
meaning alone: there is a word, a mark or a dash pattern for everything. Quitting ends the viewer, never a run.
"""
