"""The third held-out level: characters of a class that neither base nor hypernetwork nor judge was shown."""

import torch
from torch import Tensor

from genlora.images import Guidance, RowFactors, Subjects
from genlora.images.mini import SCENE, SUBJECT, Sprouts, draw_scenes
from genlora.train.pictures import album_of

from ._baselines import own_loras
from ._bench import TOKENS, Bench, hypernetwork_rows
from ._measures import Gallery, Measured, judged, shuffled, unit_vectors

CLASS = "class"
_VIEWS = 4


def unseen_class(bench: Bench, chosen: Guidance, rng: torch.Generator) -> tuple[dict[str, dict[str, Measured]], Tensor]:
    """Figures of each method on sprouts, and a contact sheet.

    No judge reads a sprout's attributes, so there is no subject score: similarity to the sprout's own renders and
    retrieval among them tell whose picture it is. Of the prompt background, size and position are read; a sprout's
    expression is its own.
    """
    options, encoder = bench.options, bench.generator.encoder()
    n, shown = options.strangers, options.references
    bench.heard(f"subjects of an unseen class: {n} sprouts")
    renderer = Sprouts(n, bench.model.side)
    scenes = draw_scenes(n * (shown + _VIEWS), rng).unflatten(0, (n, shown + _VIEWS))
    who = torch.arange(n)
    known = scenes[:, :shown].contiguous()
    everyone, flat = who.repeat_interleave(shown), known.flatten(0, 1)
    nobody = torch.zeros(n, len(SUBJECT), dtype=torch.long)
    album = album_of(nobody, known, lambda i: renderer.draw(everyone[i], flat[i]), bench.model, encoder)
    real = renderer.draw(who.repeat_interleave(_VIEWS), scenes[:, shown:].flatten(0, 1))
    gallery = Gallery(unit_vectors(encoder, real).unflatten(0, (n, _VIEWS)))
    asked = draw_scenes(n, rng)[:, None].expand(-1, options.seeds, -1)
    rows = hypernetwork_rows(bench.generator, album, shown)
    other = shuffled(n, rng)
    methods: dict[str, Subjects | None] = {
        "base": None,
        "hypernetwork": rows,
        "hypernetwork, another subject": {p: RowFactors(f.a[other], f.b[other]) for p, f in rows.items()},
    }
    if bench.reader is not None:
        methods[TOKENS] = bench.reader(album.tokens.float())
    for steps in options.own_steps if options.own else ():
        bench.heard(f"{CLASS}: {n} LoRAs of {steps} steps")
        methods[f"own LoRA, {steps} steps"], _ = own_loras(bench, album, steps)
    figures, pictures = {}, {}
    for name, factors in methods.items():
        bench.heard(f"{CLASS}: {name}")
        drawn = pictures[name] = bench.drawn(factors, asked, chosen)
        read = judged(bench.oracle, drawn, nobody, asked, known[:, 0, 0])
        prompt = torch.stack([read[k] for k in SCENE if k != "expression"]).mean(0)
        figures[name] = bench.summed({"prompt": prompt, "leak": read["leak"]}, drawn, gallery)
    few = min(12, n)
    references = renderer.draw(who[:few], known[:few, 0])
    wanted = renderer.draw(who[:few], asked[:few, 0])
    columns = [references, wanted, *(pictures[name][:few, 0] for name in methods if "another" not in name)]
    return figures, torch.stack(columns, 1)
