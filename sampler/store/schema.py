"""Define the tables of a store as SQL text; `sampler.store.writer` applies them.

Facts are append-only: a `sample` and a `verdict` are never changed (a second judgement is a new row with the next
`attempt`). Everything that a live screen needs is kept summed in `tally` and `verdict_tally`, in the same transaction
as the facts, so that no curve ever scans the samples. `id > last` is a safe tail, because SQLite has one writer at a
time.
"""

from __future__ import annotations

V1 = """
CREATE TABLE study(
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,               -- random; survives copying the file
  name TEXT NOT NULL,
  spec_toml TEXT NOT NULL,                -- the study file, verbatim
  spec_digest TEXT NOT NULL,              -- SHA-256 of what decides the samples
  problems_source TEXT NOT NULL,
  problems_digest TEXT NOT NULL,          -- SHA-256 over the chosen problems
  seed INTEGER NOT NULL,
  limits_json TEXT NOT NULL CHECK(json_valid(limits_json)),
  image TEXT,                             -- content hash of the box image
  versions_json TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(versions_json)),
  status TEXT NOT NULL CHECK(status IN('created','running','done','failed','interrupted')),
  host TEXT, pid INTEGER,
  created_at REAL NOT NULL, started_at REAL, heartbeat_at REAL, ended_at REAL,
  exit_reason TEXT) STRICT;

CREATE TABLE model(
  id INTEGER PRIMARY KEY,
  study_id INTEGER NOT NULL REFERENCES study(id),
  name TEXT NOT NULL,
  backend TEXT NOT NULL,
  engine TEXT, digest TEXT,               -- known once the backend has opened the model
  architecture_json TEXT CHECK(architecture_json IS NULL OR json_valid(architecture_json)),
  params INTEGER,                         -- N of 2N FLOPs per token
  sampling_json TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(sampling_json)),  -- what decides this model's samples
  wanted INTEGER NOT NULL,                -- samples per problem
  position INTEGER NOT NULL,
  UNIQUE(study_id, name)) STRICT;

CREATE TABLE problem(
  id INTEGER PRIMARY KEY,
  study_id INTEGER NOT NULL REFERENCES study(id),
  name TEXT NOT NULL,                     -- the data set's own id, e.g. HumanEval/0
  prompt TEXT NOT NULL,
  tests TEXT NOT NULL,
  entry_point TEXT,
  position INTEGER NOT NULL,
  UNIQUE(study_id, name)) STRICT;

CREATE TABLE text(                        -- completions, programs and outputs, each kept once
  sha256 BLOB PRIMARY KEY,
  body TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE sample(                      -- append-only
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model_id INTEGER NOT NULL REFERENCES model(id),
  problem_id INTEGER NOT NULL REFERENCES problem(id),
  idx INTEGER NOT NULL CHECK(idx >= 0),
  seed INTEGER NOT NULL,
  completion_sha BLOB NOT NULL,           -- what the model wrote
  program_sha BLOB NOT NULL,              -- what is executed, without the tests
  finish TEXT NOT NULL CHECK(finish IN('stop','length')),
  prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  prompt_seconds REAL NOT NULL, decode_seconds REAL NOT NULL,
  prompt_flops REAL, decode_flops REAL,   -- "arch" formula; NULL without an architecture
  sum_logprob REAL,
  prompt_shared INTEGER NOT NULL CHECK(prompt_shared IN(0,1)),
  created_at REAL NOT NULL,
  UNIQUE(model_id, problem_id, idx)) STRICT;  -- the resume key

CREATE TABLE verdict(                     -- append-only
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sample_id INTEGER NOT NULL REFERENCES sample(id),
  attempt INTEGER NOT NULL DEFAULT 1,
  verdict TEXT NOT NULL,
  ending TEXT NOT NULL,
  exit_code INTEGER, signal INTEGER,
  cpu_s REAL NOT NULL, wall_s REAL NOT NULL, memory_mb REAL NOT NULL,
  error_type TEXT, error_message TEXT,
  stdout_sha BLOB, stderr_sha BLOB,
  flags TEXT NOT NULL DEFAULT '',
  judge TEXT NOT NULL,                    -- version of the judge
  created_at REAL NOT NULL,
  UNIQUE(sample_id, attempt)) STRICT;

CREATE TABLE event(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  study_id INTEGER NOT NULL REFERENCES study(id),
  level TEXT NOT NULL CHECK(level IN('info','warning','error')),
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  created_at REAL NOT NULL) STRICT;

CREATE TABLE tally(                       -- per model and problem, kept by the writer
  model_id INTEGER NOT NULL REFERENCES model(id),
  problem_id INTEGER NOT NULL REFERENCES problem(id),
  sampled INTEGER NOT NULL DEFAULT 0,     -- samples stored
  scored INTEGER NOT NULL DEFAULT 0,      -- samples with a verdict
  passed INTEGER NOT NULL DEFAULT 0,      -- samples whose latest verdict is PASSED
  prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0,
  prompt_seconds REAL NOT NULL DEFAULT 0, decode_seconds REAL NOT NULL DEFAULT 0,
  prompt_flops REAL NOT NULL DEFAULT 0, decode_flops REAL NOT NULL DEFAULT 0,
  PRIMARY KEY(model_id, problem_id)) STRICT, WITHOUT ROWID;

CREATE TABLE verdict_tally(
  model_id INTEGER NOT NULL REFERENCES model(id),
  verdict TEXT NOT NULL,
  n INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(model_id, verdict)) STRICT, WITHOUT ROWID;

CREATE VIEW latest_verdict AS
  SELECT v.* FROM verdict v
  WHERE v.attempt = (SELECT max(attempt) FROM verdict w WHERE w.sample_id = v.sample_id);
"""

V2 = """
ALTER TABLE verdict ADD COLUMN facts BLOB;       -- what the verdict was made from (sandbox.judging.score_records); NULL: not kept
ALTER TABLE verdict ADD COLUMN selection TEXT;   -- the verdict of the selection tests; NULL: the problem has none
"""

V3 = """
CREATE TABLE new_text(                    -- completions, programs and outputs, each kept once
  sha256 BLOB PRIMARY KEY,                -- an index of its own: bodies are appended, and only the index is written at random
  body TEXT NOT NULL) STRICT;
INSERT INTO new_text(sha256, body) SELECT sha256, body FROM text;
DROP TABLE text;
ALTER TABLE new_text RENAME TO text;

CREATE TABLE new_sample(                  -- append-only; of an imported sample NULL says: its file did not tell
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model_id INTEGER NOT NULL REFERENCES model(id),
  problem_id INTEGER NOT NULL REFERENCES problem(id),
  idx INTEGER NOT NULL CHECK(idx >= 0),
  seed INTEGER,
  completion_sha BLOB NOT NULL,           -- what the model wrote
  program_sha BLOB NOT NULL,              -- what is executed, without the tests
  finish TEXT CHECK(finish IN('stop','length')),
  prompt_tokens INTEGER, completion_tokens INTEGER,
  prompt_seconds REAL, decode_seconds REAL,
  prompt_flops REAL, decode_flops REAL,   -- "arch" formula; NULL without an architecture or without tokens
  sum_logprob REAL,
  prompt_shared INTEGER NOT NULL CHECK(prompt_shared IN(0,1)),
  created_at REAL NOT NULL,
  UNIQUE(model_id, problem_id, idx)) STRICT;  -- the resume key
INSERT INTO new_sample(id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,
    completion_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, sum_logprob, prompt_shared, created_at)
  SELECT id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,
    completion_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, sum_logprob, prompt_shared, created_at
  FROM sample ORDER BY id;
DROP TABLE sample;
ALTER TABLE new_sample RENAME TO sample;

CREATE TABLE new_tally(                   -- per model and problem, kept by the writer
  model_id INTEGER NOT NULL REFERENCES model(id),
  problem_id INTEGER NOT NULL REFERENCES problem(id),
  sampled INTEGER NOT NULL DEFAULT 0,     -- samples stored
  scored INTEGER NOT NULL DEFAULT 0,      -- samples with a verdict
  passed INTEGER NOT NULL DEFAULT 0,      -- samples whose latest verdict is PASSED
  prompt_tokens INTEGER, completion_tokens INTEGER,  -- sums; NULL as soon as one sample's cost is not known
  prompt_seconds REAL, decode_seconds REAL,
  prompt_flops REAL, decode_flops REAL,
  PRIMARY KEY(model_id, problem_id)) STRICT, WITHOUT ROWID;
INSERT INTO new_tally(model_id, problem_id, sampled, scored, passed, prompt_tokens, completion_tokens,
    prompt_seconds, decode_seconds, prompt_flops, decode_flops)
  SELECT model_id, problem_id, sampled, scored, passed, prompt_tokens, completion_tokens, prompt_seconds, decode_seconds,
    CASE WHEN unknown THEN NULL ELSE prompt_flops END, CASE WHEN unknown THEN NULL ELSE decode_flops END
  FROM (SELECT tally.*, EXISTS (SELECT 1 FROM sample WHERE sample.model_id = tally.model_id
    AND sample.problem_id = tally.problem_id AND decode_flops IS NULL) AS unknown FROM tally);
DROP TABLE tally;
ALTER TABLE new_tally RENAME TO tally;

CREATE TABLE claim(                       -- what a file said of an imported sample; our own verdicts are in `verdict`
  sample_id INTEGER PRIMARY KEY REFERENCES sample(id),
  passed INTEGER NOT NULL CHECK(passed IN(0,1)),
  said TEXT) STRICT;                      -- in the file's own words, where it says more than yes or no
"""

V4 = """
ALTER TABLE model ADD COLUMN greedy_of INTEGER REFERENCES model(id);  -- whose greedy sample this row's are; NULL: a model
ALTER TABLE model ADD COLUMN costs_json TEXT NOT NULL DEFAULT '{}' CHECK(json_valid(costs_json));  -- as the study file says
ALTER TABLE sample ADD COLUMN prompt_joules REAL;      -- NULL: not measured
ALTER TABLE sample ADD COLUMN decode_joules REAL;
ALTER TABLE tally ADD COLUMN prompt_joules REAL;       -- sums; NULL as soon as one sample's is not known
ALTER TABLE tally ADD COLUMN decode_joules REAL;
ALTER TABLE tally ADD COLUMN cpu_s REAL NOT NULL DEFAULT 0;  -- of executing the scored samples
UPDATE tally SET cpu_s = coalesce((SELECT sum(v.cpu_s) FROM verdict v JOIN sample s ON s.id = v.sample_id
  WHERE v.attempt = 1 AND s.model_id = tally.model_id AND s.problem_id = tally.problem_id), 0);
"""

V5 = """
CREATE TABLE ranker(
  id INTEGER PRIMARY KEY,
  study_id INTEGER NOT NULL REFERENCES study(id),
  name TEXT NOT NULL,                     -- e.g. codet, or mean-logprob@qwen2.5-coder-1.5b-instruct
  digest TEXT NOT NULL,                   -- of what decides its values beside the samples: a model, a file; '' for nothing
  UNIQUE(study_id, name)) STRICT;

CREATE TABLE ranking(                     -- what a ranker thinks of a sample; made again, it takes the place of the old
  sample_id INTEGER NOT NULL REFERENCES sample(id),
  ranker_id INTEGER NOT NULL REFERENCES ranker(id),
  value REAL NOT NULL,                    -- higher is better; where samples vote, among all of the problem
  seconds REAL NOT NULL,                  -- what making it took: engine or sandbox time
  prompt_flops REAL, flops REAL,          -- reading the prompt (once for a problem), and the completion; NULL: not known
  created_at REAL NOT NULL,
  PRIMARY KEY(sample_id, ranker_id)) STRICT, WITHOUT ROWID;
"""

V6 = """
ALTER TABLE sample ADD COLUMN extraction TEXT;  -- why the program is that, of what the model wrote; NULL: not noted
ALTER TABLE sample ADD COLUMN prompt_form TEXT; -- how the problem was put (`sampler.study.prompts`); NULL: not by us
"""

V7 = """
CREATE TABLE new_sample(                  -- append-only; of an imported sample NULL says: its file did not tell
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model_id INTEGER NOT NULL REFERENCES model(id),
  problem_id INTEGER NOT NULL REFERENCES problem(id),
  idx INTEGER NOT NULL CHECK(idx >= 0),
  seed INTEGER,
  completion_sha BLOB NOT NULL,           -- what the model answered, without its thought
  thought_sha BLOB,                       -- what it thought before; NULL: nothing, or the server keeps it
  program_sha BLOB NOT NULL,              -- what is executed, without the tests
  finish TEXT CHECK(finish IN('stop','length','thought')),  -- thought: cut while it was thinking
  prompt_tokens INTEGER, completion_tokens INTEGER,  -- the completion's hold the thought's
  thought_tokens INTEGER, cached_tokens INTEGER,     -- of the completion, and of the prompt; NULL: not known
  prompt_seconds REAL, decode_seconds REAL,
  prompt_flops REAL, decode_flops REAL,   -- "arch" formula; NULL without an architecture or without tokens
  cached_flops REAL,                      -- of prompt_flops, what the engine's cache saved
  prompt_joules REAL, decode_joules REAL, -- NULL: not measured
  sum_logprob REAL,
  prompt_shared INTEGER NOT NULL CHECK(prompt_shared IN(0,1)),
  extraction TEXT,                        -- why the program is that, of what the model wrote; NULL: not noted
  prompt_form TEXT,                       -- how the problem was put (`sampler.study.prompts`); NULL: not by us
  created_at REAL NOT NULL,
  UNIQUE(model_id, problem_id, idx)) STRICT;  -- the resume key
INSERT INTO new_sample(id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,
    completion_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, prompt_joules, decode_joules, sum_logprob,
    prompt_shared, extraction, prompt_form, created_at)
  SELECT id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,
    completion_tokens, prompt_seconds, decode_seconds, prompt_flops, decode_flops, prompt_joules, decode_joules, sum_logprob,
    prompt_shared, extraction, prompt_form, created_at
  FROM sample ORDER BY id;
DROP TABLE sample;
ALTER TABLE new_sample RENAME TO sample;
ALTER TABLE tally ADD COLUMN thought_tokens INTEGER;   -- sums; NULL as soon as one sample's is not known
ALTER TABLE tally ADD COLUMN cached_tokens INTEGER;
ALTER TABLE tally ADD COLUMN cached_flops REAL;
"""

V8 = """
ALTER TABLE model ADD COLUMN strategy_json TEXT CHECK(strategy_json IS NULL OR json_valid(strategy_json));  -- NULL: independent
ALTER TABLE sample ADD COLUMN parent_id INTEGER REFERENCES sample(id);  -- whose repair or revision it is; NULL: a draft
ALTER TABLE sample ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;          -- how many came before it
ALTER TABLE sample ADD COLUMN prompt_sha BLOB;                          -- what was sent, for turns after the first
CREATE TABLE tree(                        -- drafts whose later turns have ended; index = tree + place * 1000000
  model_id INTEGER NOT NULL REFERENCES model(id),
  problem_id INTEGER NOT NULL REFERENCES problem(id),
  tree INTEGER NOT NULL,
  answer_id INTEGER NOT NULL REFERENCES sample(id),  -- first that passes the selection tests, else the last
  samples INTEGER NOT NULL,
  created_at REAL NOT NULL,
  PRIMARY KEY(model_id, problem_id, tree)) STRICT, WITHOUT ROWID;
ALTER TABLE tally ADD COLUMN reread_tokens INTEGER DEFAULT 0;  -- of what was read, the part of later turns; NULL: not known
ALTER TABLE tally ADD COLUMN reread_seconds REAL DEFAULT 0;
ALTER TABLE tally ADD COLUMN reread_flops REAL DEFAULT 0;
ALTER TABLE tally ADD COLUMN reread_joules REAL DEFAULT 0;
"""

V9 = """
ALTER TABLE model ADD COLUMN looks INTEGER NOT NULL DEFAULT 1;  -- declared times at which the study may stop for what it saw
"""

V10 = """
ALTER TABLE model ADD COLUMN allotted INTEGER NOT NULL DEFAULT 0 CHECK(allotted IN(0,1));  -- 1: further samples of greedy_of, where none had passed
"""

V11 = """
ALTER TABLE sample ADD COLUMN cache_write_tokens INTEGER;  -- of the prompt, what the server wrote into a cache; NULL: not known
ALTER TABLE tally ADD COLUMN cache_write_tokens INTEGER;   -- sum; NULL as soon as one sample's is not known
"""

APPLICATION = "codebudget"  # the name of our set of migrations in a store
VERSIONS = {
    "v1": V1,
    "v2": V2,
    "v3": V3,
    "v4": V4,
    "v5": V5,
    "v6": V6,
    "v7": V7,
    "v8": V8,
    "v9": V9,
    "v10": V10,
    "v11": V11,
}  # every migration of this version, in order
