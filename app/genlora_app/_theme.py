"""Colours, type and the few lines of script. Nothing is loaded from anywhere: fonts are the system's own."""

from importlib.resources import files
from typing import Any

from gradio import themes
from gradio.themes.utils import sizes

_SANS = ("system-ui", "-apple-system", "Segoe UI", "Helvetica Neue", "Arial", "sans-serif")
_MONO = ("ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace")

STYLE = files("genlora_app").joinpath("style.css").read_text(encoding="utf-8")
SCRIPT = files("genlora_app").joinpath("script.js").read_text(encoding="utf-8")
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/>'
    '<path d="M8 22 16 9l8 13" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round" '
    'stroke-linejoin="round"/>'
    '<circle cx="16" cy="9" r="3.2" fill="#fff"/></svg>'
)

ACCENT = themes.Color(
    name="genlora",
    c50="#effaf7",
    c100="#d3f1e9",
    c200="#a8e2d4",
    c300="#74ccba",
    c400="#43b09d",
    c500="#1f9483",
    c600="#0f766e",
    c700="#125f5a",
    c800="#134c49",
    c900="#133f3d",
    c950="#052524",
)
NEUTRAL = themes.Color(
    name="ink",
    c50="#fafaf8",
    c100="#f4f4f1",
    c200="#e7e7e2",
    c300="#d4d4cd",
    c400="#a3a39b",
    c500="#73736c",
    c600="#55554f",
    c700="#3f3f3a",
    c800="#26262a",
    c900="#19191c",
    c950="#101012",
)


def theme() -> Any:
    """Calm: white cards on warm paper, or near black; one accent."""
    base = themes.Base(
        primary_hue=ACCENT,
        secondary_hue=ACCENT,
        neutral_hue=NEUTRAL,
        font=[themes.Font(f) for f in _SANS],
        font_mono=[themes.Font(f) for f in _MONO],
        radius_size=sizes.radius_lg,
        text_size=sizes.text_md,
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="#1c1c1a",
        body_text_color_dark="#ececea",
        body_text_color_subdued="#63635c",
        body_text_color_subdued_dark="#a6a69f",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_950",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="600",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_info_text_color="*body_text_color_subdued",
        block_info_text_color_dark="*body_text_color_subdued",
        panel_background_fill="transparent",
        panel_background_fill_dark="transparent",
        input_background_fill="#ffffff",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_width="1px",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_shadow="none",
        input_placeholder_color="#8a8a82",
        input_placeholder_color_dark="#7f7f79",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#06201d",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="*neutral_900",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )
