# Sourced by scripts/test and scripts/quickstart: set_up makes .venv with this project, as constraints.txt pins it.

say() { printf '\n==> %s\n' "$*" >&2; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: Python 3.11 or later is needed and none was found. Install it, or name it: PYTHON=/path/to/python $0" >&2
    return 1
}

pip_install() { .venv/bin/python -m pip install --disable-pip-version-check --constraint constraints.txt "$@"; }

# Installs nothing when neither pyproject.toml nor constraints.txt changed since the last time.
set_up() {
    local stamp=.venv/.set-up wanted python
    wanted=$(cat pyproject.toml constraints.txt | cksum)
    if [[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; then
        say "Using the environment in .venv"
        return
    fi
    if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(find_python)
        say "Making an environment in .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    say "Installing PyTorch: the largest download, minutes on a slow connection"
    # On a terminal pip shows how far the download is; in a log that would be noise.
    if [[ -t 1 ]]; then pip_install torch; else pip_install -qq torch; fi
    say "Installing bilstm-tagger and what its tests need: a minute or two"
    # seqeval comes as source, which builds reliably only in pip's isolated way.
    pip_install -qq --use-pep517 --editable '.[dev]'
    echo "$wanted" >"$stamp"
}
