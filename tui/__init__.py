"""The screen: a guest that reads a study's store and shows which model wins at which budget, and how sure that is.

    store ─┬─► follow (a thread) ─► Snapshot ─► app ─► the screen in front ─► widgets
           └─► desk (a thread) ─► pages, slices ─────────────┘
                                     │
                          view, heading, curves, plot …: pure functions decide what is shown

* `follow` reads, through `sampler.store.reader`, and beside `desk` nothing here touches the store. It polls, reads what
  is new, closes every statement, and posts one immutable value. The worst a screen can do to a study is to be looked
  at.
* `view`, `heading`, `curves`, `plot` (with `canvas`, `labels`) and `text` are pure: rows in, words and
  cells out. They do not know that Textual exists, and nearly all tests are theirs.
* `widgets` draw values they are given and send messages up. `screens` arrange widgets and hold what the reader has
  chosen (the model, the unit, the rule). `app` holds what all screens share: the follower, the newest snapshot, the
  keys that work everywhere. A new screen is a module in `screens` with a method `show` and a line in
  `BudgetApp.MODES`.
* `desk` reads what a screen asks for beyond the snapshot, urgent things first; `listing` and `groups` are scans that
  go on in short slices there.
* `cli` decides whether there is a terminal at all before Textual is imported.

Whatever models and programs wrote is hostile: it passes `text.harmless` and is never parsed as markup. Colour never
carries meaning alone: there is a word, a mark or a dash pattern for everything. Quitting ends the viewer, never a
run.
"""
