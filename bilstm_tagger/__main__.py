"""``python -m bilstm_tagger`` is the command ``bilstm-tagger``."""

from bilstm_tagger.cli import main

if __name__ == "__main__":
    main()
