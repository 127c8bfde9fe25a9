"""What is kept of finished runs: DVC experiments, campaigns published by DVC and Git, and archives (RO-Crates).

Nothing here is needed to train; only the following commands import DVC, and only its public names:

- `acnet record`: `dvc add` and `dvc exp save` in a throw-away clone of HEAD; `git fetch` brings the rows over
- `acnet publish`: `dvc commit` and `dvc push` of campaign.dvc in such a clone; `git fetch` brings its commit as a tag
- `acnet restore`: `dvc.api.DVCFileSystem` at that tag, from the remote straight into place
- `acnet place`, and the stage of dvc.yaml: `dvc add` in experiment/
- `acnet gc`: `dvc gc --dry` says what may go
"""
