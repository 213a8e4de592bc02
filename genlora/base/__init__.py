"""Bases: where they come from, their layout and fingerprint, loading, prompting and decoding.

What needs torch is imported when it is first asked for, so that fetching and caching stay light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._cache import CALIBRATION_FORMAT as CALIBRATION_FORMAT
from ._cache import CacheContent as CacheContent
from ._cache import CacheEntry as CacheEntry
from ._cache import Cleared as Cleared
from ._cache import cache_content as cache_content
from ._cache import cache_dir as cache_dir
from ._cache import cache_entries as cache_entries
from ._cache import clear_cache as clear_cache
from ._cache import seal_json as seal_json
from ._cache import sealed_json as sealed_json
from ._cache import staged as staged
from ._entries import EntryCheck as EntryCheck
from ._entries import check_entry as check_entry
from ._entries import drop_entry as drop_entry
from ._entries import usable as usable
from ._fetch import PyPIFile as PyPIFile
from ._fetch import check_digest as check_digest
from ._fetch import fetch_sdist as fetch_sdist
from ._fetch import fetch_wheel_file as fetch_wheel_file
from ._files import alone as alone
from ._files import base_files as base_files
from ._files import base_name as base_name
from ._files import same_name as same_name

if TYPE_CHECKING:
    from ._constraint import Constraint as Constraint
    from ._constraint import Grammars as Grammars
    from ._constraint import Held as Held
    from ._constraint import hold_logits as hold_logits
    from ._convert import convert_gguf as convert_gguf
    from ._decode import Continuation as Continuation
    from ._decode import common_prefix as common_prefix
    from ._decode import decode_text as decode_text
    from ._decode import generate_greedy as generate_greedy
    from ._doctor import Finding as Finding
    from ._doctor import base_folder_finding as base_folder_finding
    from ._doctor import diagnose as diagnose
    from ._fingerprint import Compatibility as Compatibility
    from ._fingerprint import Fingerprint as Fingerprint
    from ._fingerprint import fingerprint as fingerprint
    from ._fingerprint import require_compatible as require_compatible
    from ._fingerprint import require_made_for as require_made_for
    from ._headers import TensorHeader as TensorHeader
    from ._headers import read_config as read_config
    from ._headers import tensor_headers as tensor_headers
    from ._layout import ARCHITECTURES as ARCHITECTURES
    from ._layout import bare_layout as bare_layout
    from ._layout import weight_name as weight_name
    from ._load import LoadedBase as LoadedBase
    from ._load import check_device as check_device
    from ._load import eos_ids as eos_ids
    from ._load import layout_of as layout_of
    from ._load import load_base as load_base
    from ._load import load_model as load_model
    from ._load import load_tokenizer as load_tokenizer
    from ._parts import decoder_of as decoder_of
    from ._parts import logits_of as logits_of
    from ._quantize import BACKENDS as BACKENDS
    from ._quantize import REFUSED as REFUSED
    from ._quantize import Backend as Backend
    from ._quantize import backend_named as backend_named
    from ._quantize import check_widths as check_widths
    from ._quantize import finer_than as finer_than
    from ._quantize import load_quantized as load_quantized
    from ._quantize import load_quantized_base as load_quantized_base
    from ._quantize import quiet as quiet
    from ._quantize import refuse_quantised as refuse_quantised
    from ._quantize import torchao_config as torchao_config
    from ._quiet import first_line as first_line
    from ._quiet import library_errors as library_errors
    from ._sources import DEFAULT_BASE as DEFAULT_BASE
    from ._sources import DEFAULT_EMBEDDER as DEFAULT_EMBEDDER
    from ._sources import MODELS as MODELS
    from ._sources import ModelSource as ModelSource
    from ._sources import gguf_file as gguf_file
    from ._sources import named_source as named_source
    from ._sources import resolve_base as resolve_base
    from ._sources import resolve_embedder as resolve_embedder

_MODULES = {
    "_constraint": "Constraint Grammars Held hold_logits",
    "_convert": "convert_gguf",
    "_decode": "Continuation common_prefix decode_text generate_greedy",
    "_doctor": "Finding base_folder_finding diagnose",
    "_fingerprint": "Compatibility Fingerprint fingerprint require_compatible require_made_for",
    "_headers": "TensorHeader read_config tensor_headers",
    "_layout": "ARCHITECTURES bare_layout weight_name",
    "_load": "LoadedBase check_device eos_ids layout_of load_base load_model load_tokenizer",
    "_parts": "decoder_of logits_of",
    "_quantize": (
        "BACKENDS REFUSED Backend backend_named check_widths finer_than load_quantized load_quantized_base quiet "
        "refuse_quantised torchao_config"
    ),
    "_quiet": "first_line library_errors",
    "_sources": (
        "DEFAULT_BASE DEFAULT_EMBEDDER MODELS ModelSource gguf_file named_source resolve_base resolve_embedder"
    ),
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = found
    return found
