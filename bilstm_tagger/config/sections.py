"""The sections that say what is read and what the network is like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bilstm_tagger.config.base import Fraction, Positive, Section

__all__ = [
    "CharConfig",
    "CrfConfig",
    "DataConfig",
    "DenseConfig",
    "DistillConfig",
    "EncoderConfig",
    "GazetteerConfig",
    "LmConfig",
    "ResidueConfig",
    "ShapeConfig",
    "WordConfig",
]


class DataConfig(Section):
    """Where the sentences come from.

    A source is a file, a folder, an archive, a glob, ``builtin:NAME/SPLIT`` or a hub data set id.
    """

    train: str | None = Field(None, description="training source")
    dev: str | None = Field(None, description="development source; chooses the best epoch")
    test: str | None = Field(None, description="test source; scored once, at the end")
    dev_fraction: Fraction = Field(
        0.1, description="share of the training part held out without a dev source, the same for all seeds"
    )
    format: str = Field(
        "auto", description="auto, conll, conllu, jsonl, csv, brat, parallel, parquet, arrow; proteins: fasta, dssp"
    )
    token_column: str | int | None = Field(None, description="column of the tokens: a number, from 0, or a name")
    tag_column: str | int | None = Field(
        None, description="column of the tags: a number, from 0 (-1 is the last), or a name"
    )
    separator: str | None = Field(None, description="column separator; found by itself when not given")
    scheme: str = Field("auto", description="auto, IOB1, IOB2, BIOES, BILOU, BMES, IO")
    labels: str | None = Field(
        None, description="a second file: FASTA's labels, the tags of running text, or the names that numbers stand for"
    )
    mask: str | None = Field(None, description="FASTA: a file of 0 and 1; residues with 0 have no label")
    exclude: str | None = Field(None, description="a file whose first column names the ids to leave out")
    deduplicate: bool = Field(False, description="leave out training rows whose tokens another row has")
    lowercase: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="share of the training sentences that are learned once more in lower case, as in tweets"
    )
    states: Literal["standard", "jnet", "sspro"] = Field(
        "standard", description="proteins: how the eight states of DSSP become three"
    )
    profiles: str | None = Field(
        None, description="proteins: a folder of NAME.pssm or NAME.hhm files, or an .npz, for all parts"
    )
    profile_kinds: list[Literal["pssm", "hhm"]] = Field(
        ["pssm"], min_length=1, description="which of the files of such a folder, side by side: pssm, hhm"
    )
    skip_invalid: bool = Field(False, description="proteins: leave out chains that cannot be used, and say which")
    tokenizer: Literal["auto", "words", "characters", "whitespace", "residues"] = Field(
        "auto", description="how raw text is cut into tokens, in sources of text with marked spans and when tagging"
    )
    align: Literal["strict", "expand", "contract", "drop"] = Field(
        "expand", description="what is done with marked spans that cut a token"
    )
    overlap: Literal["outermost", "longest", "first"] = Field(
        "outermost", description="which of several marked spans that share tokens is kept"
    )
    streaming: bool = Field(False, description="read a hub data set over the network without fetching all of it first")


class WordConfig(Section):
    """One vector a word form. ``size = 0`` leaves it out."""

    size: int = Field(100, ge=0, description="width of random vectors; pretrained vectors bring their own")
    vectors: str | list[str] | None = Field(
        None, description="a vectors file, or a package's name such as glove-6b-50d; several are set side by side"
    )
    missing: Literal["error", "skip"] = Field(
        "error", description="vectors that are not there: stop, or train without them and say so"
    )
    fill_missing: bool = Field(
        False, description="estimate the vector of a word that one of several sources lacks from another's, linearly"
    )
    fine_tune: bool = Field(True, description="train the pretrained vectors too")
    keep: Literal["all"] | Annotated[int, Field(ge=0)] = Field(
        "all", description="how many pretrained words that training never saw go into the model, in file order"
    )
    min_count: Positive = Field(1, description="rarer words (and not pretrained) share the unknown vector")
    digits_to_zero: bool = Field(True, description="1987 and 2024 are looked up as 0000")
    unknown_singletons: Fraction = Field(
        0.5, description="chance that a word seen once, and without a pretrained vector, is replaced by the unknown one"
    )


class CharConfig(Section):
    """What the characters of a word say, computed once for each distinct word."""

    kind: Literal["cnn", "lstm", "none"] = Field("cnn", description="convolution, BiLSTM, or nothing")
    size: Positive = Field(30, description="width of a character's vector")
    output: Positive = Field(50, description="filters of the CNN, or the BiLSTM's width, both directions together")
    kernel: Positive = Field(3, description="characters a filter sees")
    dropout: Fraction = Field(0.5, description="on the character vectors")
    max_length: Positive = Field(40, description="longer words keep their first and last characters")


class ShapeConfig(Section):
    """Capitalisation and digits of a word (``Xxx``, ``dddd``) as a vector. ``size = 0`` leaves it out."""

    size: int = Field(0, ge=0, description="width of the vectors")


class DenseConfig(Section):
    """Numbers given with each token (profiles, features of your own); found in the data when ``size`` is None."""

    size: int | None = Field(None, ge=0, description="columns; None takes what the rows have")


class ResidueConfig(Section):
    """What is known of a residue beforehand, beside its vector; proteins only."""

    properties: bool = Field(False, description="seven physico-chemical properties (Meiler et al. 2001)")
    position: bool = Field(False, description="how far it is from either end of the chain")


class GazetteerConfig(Section):
    """Lists of names; tokens that stand in a listed name are marked, by label and by their place in it."""

    files: list[str] = Field(
        [], description="names, one a line, in files named after their label; or LABEL, a tab, and the name"
    )
    training: int = Field(
        0, ge=0, description="list the names that so many training sentences have (2 is a good number); 0 lists none"
    )


class LmConfig(Section):
    """The states of a character language model that ``bilstm-tagger pretrain-lm`` left."""

    model: str | None = Field(None, description="its folder; none leaves it out")
    fine_tune: bool = Field(False, description="train it with the tagger; frozen, its states are computed once")
    projection: int = Field(
        0, ge=0, description="width of a trained linear layer on the states; 0 takes them as they are"
    )
    dropout: Fraction = Field(0.0, description="on the states")


class DistillConfig(Section):
    """Learning from the answers of trained models, beside the labels."""

    teacher: str | list[str] | None = Field(
        None, description="a model folder, or several that answer together; none leaves it out"
    )
    weight: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="share of the loss that is the teachers'; the rest is the labels'"
    )
    unlabelled: str | None = Field(
        None, description="a .txt file, a sentence a line, or a source whose tags are not read: trained on the answers"
    )


class EncoderConfig(Section):
    """The recurrent network over the sentence."""

    kind: Literal["lstm", "gru", "rnn"] = Field("lstm", description="the recurrent cell")
    hidden_size: Positive = Field(100, description="units in each direction")
    layers: Positive = Field(1, description="recurrent layers, each in both directions")
    input_dropout: Fraction = Field(0.5, description="on the concatenated features")
    output_dropout: Fraction = Field(0.5, description="on the encoder's output")
    layer_dropout: Fraction = Field(0.0, description="between layers")
    word_dropout: Fraction = Field(0.0, description="chance that a whole token's features are zeroed")
    locked: bool = Field(False, description="one dropout mask for all tokens of a sentence")
    attention: int = Field(0, ge=0, description="heads of self-attention over the recurrent states; 0 is none")
    convolution: int = Field(0, ge=0, description="width of a window convolution before the recurrence; 0 is none")
    convolution_size: Positive = Field(64, description="channels of that convolution")


class CrfConfig(Section):
    """The layer that scores whole tag sequences."""

    scheme: str = Field("auto", description="scheme of the model's tags: auto, IOB2, BIOES, BILOU, IO")
    decoding: Literal["auto", "viterbi", "marginal"] = Field(
        "auto", description="the best sequence, or the best tag of each token; auto asks the task"
    )
    constraints: bool = Field(True, description="make ill-formed sequences impossible, in the loss and in decoding")
