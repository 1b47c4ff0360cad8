"""The rivals' training steps and features written the straightforward way: what ours must agree with, and are measured against.

A network here is given one of ours for its weights alone: it calls its convolutions, linears and norms one by one, and all that is
done between them is written here as a first program would, with a loop for each clip, region, pair, neighbour, copy, or head of an
attention. `step(net, batch, target)` gives the loss. What ours leaves out since it changes no number is done here, as published.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

Batch = dict[str, Tensor]


# -- shallow networks on flow


def sssnet(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    maps = net.drop(net.conv1[3](F.max_pool2d(F.relu(net.conv1[0](batch["flow"])), 3)))
    maps = net.drop(net.conv2[3](F.max_pool2d(F.relu(net.conv2[0](maps)), 2)))
    return F.cross_entropy(linears(net.head, maps.flatten(1)), target)


def off_apexnet(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    seen = []
    for stream, flow in ((net.horizontal, batch["flow"][:, :1]), (net.vertical, batch["flow"][:, 1:])):
        maps = F.max_pool2d(F.relu(stream[0](flow)), 2)
        seen.append(F.max_pool2d(F.relu(stream[3](maps)), 2))
    return F.cross_entropy(linears(net.head, torch.cat(seen, 1).flatten(1)), target)


def linears(head: nn.Sequential, x: Tensor) -> Tensor:
    for layer in list(head)[1:]:
        x = layer(x)
    return x


def rcn(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """RCN-A: the attention over the pooled map, class by class."""
    conv, norm, _, _, drop = net.front
    maps = drop(F.max_pool2d(F.relu(norm(conv(batch["flow"]))), 2))
    pooled, weight = F.adaptive_avg_pool2d(maps, net.pool), net.head[1].weight
    looks = []
    for of_class in weight:
        look = (of_class.view(1, -1, net.pool, net.pool) * pooled).mean(1)
        low = look.amin((1, 2), keepdim=True)
        look = look - low
        looks.append(look / look.amax((1, 2), keepdim=True).clamp(min=1e-12))
    where = torch.stack(looks, 1).mean(1, keepdim=True)
    x = maps
    y = convolved(net.block.f, x)
    for _ in range(2):
        y = convolved(net.block.r, x + y)
    y = F.adaptive_avg_pool2d(net.block.after[1](F.max_pool2d(y, 2)), net.pool)
    y = y * F.interpolate(where, y.shape[-2:])
    return F.cross_entropy(net.head[1](y.flatten(1)), target)


def convolved(part: nn.Sequential, x: Tensor) -> Tensor:
    return F.relu(part[1](part[0](x)))


def strcn(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    weight, rate = net.first.conv.weight, net.first.rate
    weight = weight.detach() + rate * (weight - weight.detach())
    x = F.max_pool2d(F.relu(net.first.norm(F.conv2d(batch["flow"], weight, padding=1))), 4)
    for section, pool in zip(net.sections, (4, 2, 2), strict=True):
        y = F.relu(section[0].norm(section[0].conv(x)))
        for recurrent in list(section)[1:]:
            y = F.relu(recurrent.norm(recurrent.conv(x + y)))
        x = F.max_pool2d(y, pool)
    return F.cross_entropy(net.head[1](x.mean((2, 3))), target)


def sfamnet(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Boxes clip by clip, streams one by one."""
    brows, mouth, margin = [*range(17, 27), *range(36, 48)], list(range(48, 68)), 12
    mosaics = []
    for maps, points in zip(batch["flow"], batch["points"], strict=True):
        halves = []
        for part in (brows, mouth):
            edge = maps.shape[-1]
            x0, y0 = (max(0, math.floor(v - margin)) for v in points[part].amin(0).tolist())
            x1, y1 = (min(edge, math.floor(v + margin)) for v in points[part].amax(0).tolist())
            box = maps[None, :, y0:y1, x0:x1]
            halves.append(F.interpolate(box, (net.size // 2, net.size), mode="bilinear"))
        mosaics.append(torch.cat(halves, 2))
    seen = torch.cat(mosaics)
    maps = []
    for n, stream in enumerate(net.sees):
        x = seen[:, n : n + 1]
        y = stream.conv2(F.relu(stream.conv1(x)))
        squeeze, _, widen = stream.channels
        gates = []
        for pooled in (F.adaptive_avg_pool2d(y, 1), F.adaptive_max_pool2d(y, 1)):
            gates.append(widen(F.relu(squeeze(pooled.flatten(1)))))
        y = y * torch.sigmoid(gates[0] + gates[1])[..., None, None].expand_as(y)
        both = torch.cat([y.max(1, keepdim=True).values, y.mean(1, keepdim=True)], 1)
        y = y * torch.sigmoid(stream.places(both))
        maps.append(F.relu(y + stream.skip(x)))
    features = F.max_pool2d(torch.cat(maps, 1), 3)
    said = net.head.classify(F.max_pool2d(net.head.conv(features), 3, 2, padding=1).flatten(1))
    return 0.1 * F.cross_entropy(said, target, net.class_weight)


# -- transformers


def heads(query: Tensor, key: Tensor, value: Tensor, count: int) -> Tensor:
    """Attention, head by head, with whole scores. Each (…, tokens, D) → (…, tokens, D)."""
    width = query.shape[-1] // count
    seen = []
    for n in range(count):
        q, k, v = (x[..., n * width : (n + 1) * width] for x in (query, key, value))
        seen.append(torch.softmax(q @ k.transpose(-1, -2) * width**-0.5, -1) @ v)
    return torch.cat(seen, -1)


def transformer(block: nn.Module, x: Tensor) -> Tensor:
    """A layer of queries, keys and values of their own, then an MLP."""
    attention, mlp = block.attention, block.mlp
    y = block.attention_norm(x)
    q, k, v = (
        F.linear(y, weight, bias)
        for weight, bias in zip(attention.qkv.weight.chunk(3), attention.qkv.bias.chunk(3), strict=True)
    )
    x = x + attention.out(heads(q, k, v, attention.heads))
    return x + mlp.shrink(F.gelu(mlp.expand(block.mlp_norm(x))))


def mmnet(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    motion = net.temporal
    x, carried = convolved(motion.narrow, convolved(motion.stem, batch["motion"])), None
    for block in motion.blocks:
        y = block.norm2(block.conv2(F.relu(block.norm1(block.conv1(x)))))
        x = F.relu(y + (block.skip[1](block.skip[0](x)) if len(block.skip) else x))
        conv, norm, _ = block.attention
        both = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True).values], 1)
        weights = torch.sigmoid(norm(conv(both)))
        if carried is not None:
            weights = weights * F.max_pool2d(carried, 3, 2, padding=1)
        x, carried = x * weights, weights
    layout = net.spatial
    small = F.interpolate(batch["onset"], (layout.grid, layout.grid), mode="bilinear")
    tokens = layout.embed(small).flatten(2).transpose(1, 2) + layout.position
    for block in layout.blocks:
        tokens = transformer(block, tokens)
    where = layout.norm(tokens).transpose(1, 2).reshape(x.shape)
    return F.cross_entropy(net.head[1]((x + where).flatten(1)), target)


def with_queries(net: nn.Module) -> None:
    """Queries and keys where a piece is a token, as the released HTNet and CausalNet have them."""
    for part in net.modules():
        if getattr(part, "alone", False):
            inner, width = part.look.weight.shape
            part.query, part.key = (nn.Linear(width, inner, bias=False) for _ in range(2))


def crops_of(net: nn.Module, maps: Tensor) -> Tensor:
    """The four crops of the mosaic, clip by clip."""
    quarter = net.size // 4
    whole = []
    for clip in maps:
        four = []
        for x, y in net.mosaic.centres.tolist():
            row, column = (int(min(max(v, quarter), 3 * quarter)) for v in (x, y))  # x for the row, as released
            four.append(clip[:, row - quarter : row + quarter, column - quarter : column + quarter])
        whole.append(torch.cat([torch.cat(four[:2], 2), torch.cat(four[2:], 2)], 1))
    return torch.stack(whole)


def hierarchy(encoder: nn.Module, maps: Tensor) -> Tensor:
    """HTNet's encoder. (N, 3, size, size) → (N, 4·width, 1, 1)."""
    x = encoder.embed(maps)
    for n, level in enumerate(encoder.levels):
        side, edge = level.pieces, x.shape[-1] // level.pieces
        clips, width = x.shape[:2]
        cut = x.view(clips, width, side, edge, side, edge).permute(0, 2, 4, 3, 5, 1)
        tokens = cut.reshape(clips * side**2, edge**2, width)
        if level.position is not None:
            tokens = tokens + level.position[None, :, None]
        for block in level.blocks:
            norm, look = block.attend
            y = norm(tokens)
            tokens = tokens + look.out(heads(look.query(y), look.key(y), look.look(y), look.heads))
            tokens = tokens + block.think(tokens)
        x = tokens.view(clips, side, side, edge, edge, width).permute(0, 5, 1, 3, 2, 4)
        x = x.reshape(clips, width, side * edge, side * edge)
        if n < 2:
            shrink = encoder.between[n]
            x = shrink.norm(shrink.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            x = F.max_pool2d(x, 3, 2, padding=1)
    return x


def htnet(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    norm, _, classify = net.head
    maps = hierarchy(net.encoder, crops_of(net, batch["flow"])).permute(0, 2, 3, 1)
    return F.cross_entropy(classify(norm(maps).mean((1, 2))), target)


def causalnet(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    def places(encoder: nn.Module, maps: Tensor) -> Tensor:
        return hierarchy(encoder, crops_of(net, maps)).flatten(1).view(len(maps), -1, 4).transpose(1, 2)

    def nearby(part: nn.Module, queries: Tensor, values: Tensor) -> Tensor:
        query, (key, value) = part.query(queries), part.keyvalue(values).chunk(2, -1)
        width, seen = query.shape[-1] // 8, []
        for n in range(8):
            q, k, v = (x[..., n * width : (n + 1) * width] for x in (query, key, value))
            scores = (q @ k.transpose(1, 2)) * part.scale
            scores = scores * part.near + part.penalty
            seen.append(torch.softmax(scores, -1) * part.near @ v)
        return part.out(torch.cat(seen, -1))

    def follow(part: nn.Module, first: Tensor, second: Tensor) -> Tensor:
        placed = []
        for n in range(4):
            both = torch.stack([first[:, n], second[:, n]], 1)
            key, value = part.keyvalue(both).chunk(2, -1)
            placed.append(part.out(heads(part.query(second[:, n : n + 1]), key, value, 8)))
        return torch.cat(placed, 1)

    def read(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        first, second = (x + nearby(causal.attend, x, x) for x in (first, second))
        second = second + follow(causal.follow, first, second)
        return first + causal.think(first), second + causal.think(second)

    before, after = (places(net.flows, batch[f"flow_{when}"]) for when in ("before", "after"))
    to, back = (places(net.directions, batch[f"direction_{when}"]) for when in ("before", "after"))
    for layer in net.cross:
        to = to + nearby(layer.attend, layer.norm(to), back)
        back = back + nearby(layer.attend, layer.norm(back), to)
        to, back = to + layer.think(to), back + layer.think(back)
    causal = net.causal
    before, after = causal.norm(before + to), causal.norm(after + back)
    cause, effect = read(before, after)
    last, back = read(after, before)
    both = heads(causal.query(effect), causal.key(back), causal.value(effect + back), 8)
    both = causal.out(both + effect + back)
    joined = torch.cat([x.flatten(1) for x in (both, cause, last)], 1)
    return F.cross_entropy(net.head[1](net.head[0](joined)), target)


def encoded(encoder: nn.Module, images: Tensor) -> Tensor:
    """A class token and patches through an autoencoder's encoder."""
    patches = encoder.embed(images).flatten(2).transpose(1, 2)
    tokens = torch.cat([encoder.class_token.expand(len(images), 1, -1), patches], 1) + encoder.position
    for block in encoder.blocks:
        tokens = transformer(block, tokens)
    return encoder.norm(tokens)


def decoded(decoder: nn.Module, tokens: Tensor, class_token: bool) -> Tensor:
    x = decoder.embed(tokens)
    if decoder.twice:
        x = decoder.norm(x)
    x = x + (decoder.position if class_token else decoder.position[:, 1:])
    for block in decoder.blocks:
        x = transformer(block, x)
    x = decoder.pred(decoder.norm(x))
    return x[:, 1:] if class_token else x


def cut_up(images: Tensor, patch: int) -> Tensor:
    """Pixels of each patch: (N, T, patch²·3)."""
    edge = images.shape[-1] // patch
    cut = []
    for row in range(edge):
        for column in range(edge):
            piece = images[:, :, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            cut.append(piece.permute(0, 2, 3, 1).flatten(1))
    return torch.stack(cut, 1)


def srmcl(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Masks clip by clip, the memory class by class."""
    picture = batch["flow"]
    tokens = encoded(net.encoder, picture)
    clips, count = len(tokens), tokens.shape[1] - 1
    noise, rebuilding = torch.rand(2, clips, count), 0.0
    for drawn in noise:
        masked, missing = [], torch.ones(clips, count)
        for n in range(clips):
            kept = drawn[n].argsort()[: int(count * 0.25)]
            missing[n, kept] = 0
            patches = net.mask_token[0].expand(count, -1).clone()
            patches[kept] = tokens[n, 1:][kept]
            masked.append(torch.cat([tokens[n, :1], patches]))
        tokens = torch.stack(masked)
        off = (decoded(net.decoder, tokens, True) - cut_up(picture, 16)).square().mean(-1)
        rebuilding = rebuilding + (off * missing).sum() / missing.sum()
    feature = transformer(net.last_block, tokens)[:, 0]
    loss = F.cross_entropy(net.head(feature), target) + 0.5 * rebuilding
    feature, known = F.normalize(feature), net.memory.clone()
    for number in range(len(known)):
        its = feature[target == number]
        if len(its):
            with torch.no_grad():
                net.memory[number] = F.normalize(0.1 * known[number] + 0.9 * its.mean(0), dim=0)
    return loss + net.memory_weight * F.cross_entropy(feature @ known.T / 0.05, target)


def micron_bert(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Patches swapped one by one."""

    def shares(one: Tensor, other: Tensor) -> Tensor:
        return torch.softmax(att.to_q(one) @ att.to_k(other).transpose(1, 2) * one.shape[-1] ** -0.5, -1)

    att, onset, apex = net.att, batch["onset"], batch["apex"]
    before, after = (encoded(net.encoder, frame)[:, 1:] for frame in (onset, apex))
    found = torch.stack([share.diag() for share in shares(after, before)])
    changed = 1 - found / found.max(1, keepdim=True).values
    loss = F.cross_entropy(net.head[2](net.head[1]((after * changed[..., None]).mean(1))), target)
    clips, edge = len(apex), apex.shape[-1] // 8
    share, draws = torch.rand(clips, 1, 1, 1), torch.rand(clips, 1, edge, edge)
    mixed = apex.clone()
    for n in range(clips):
        for row in range(edge):
            for column in range(edge):
                if draws[n, 0, row, column] < share[n]:
                    place = n, slice(None), slice(8 * row, 8 * row + 8), slice(8 * column, 8 * column + 8)
                    mixed[place] = onset[place]
    mixed = encoded(net.encoder, mixed)[:, 1:]
    own = torch.stack([share.diag() for share in shares(mixed, before)])
    restored = decoded(net.decoder, att.proj(own[..., None] * att.to_v(mixed)), False)
    return loss + net.restore_weight * F.mse_loss(restored, cut_up(apex, 8))


# -- graphs and streams


def au_gcn(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Patches clip by clip and point by point."""

    def read(reader: nn.Module, tokens: Tensor) -> Tensor:
        for attend, forward in reader.layers:
            look = heads(attend.query(tokens), attend.key(tokens), attend.value(tokens), 8)
            tokens = attend.norm(tokens + attend.drop(attend.out(look)))
            wide = F.relu(forward.wide(tokens))
            tokens = forward.norm(tokens + forward.drop(forward.narrow(wide)))
        return reader.join(tokens)

    clips = []
    for picture, points in zip(batch["change"][:, 0], batch["landmarks"], strict=True):
        padded, cut = F.pad(picture, (3, 3, 3, 3)), []
        for x, y in points[[*range(17, 27), *range(48, 68)]].tolist():
            across, down = (y, x) if net.turned else (x, y)
            left, top = (min(max(round(v), 0), len(picture) - 1) for v in (across, down))
            cut.append(padded[top : top + 7, left : left + 7])
        clips.append(torch.stack(cut))
    conv, norm, _, _ = net.look
    looked = F.relu(norm(conv(torch.stack(clips)))).flatten(2)
    units = net.units.embedding
    for weight in (net.units.first, net.units.second):
        units = F.leaky_relu(net.units.adjacency @ (units @ weight), 0.2)
    brows, mouth = read(net.brows, looked[:, :10]), read(net.mouth, looked[:, 10:])
    shown = [((brows if n < 3 else mouth) * unit).sum(1) for n, unit in enumerate(units)]
    return F.cross_entropy(net.classify(net.norm(torch.stack(shown, 1))), target)


def lp_gcn(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """The strongest points clip by clip and region by region, the graph node by node."""
    clips = []
    for points in batch["points"]:
        regions = []
        for region in points.view(6, 8, 1024).unbind(1):
            order = region[3:].square().sum(0).argsort(descending=True, stable=True)[:512]
            regions.append(region[:, order])
        clips.append(torch.stack(regions, 1))
    points = torch.stack(clips)
    near, (first, second) = points[:, :3, :, :128], net.encode
    seen = second(torch.cat([near, first(points)[..., :128]], 1)).detach()
    x = net.describe(torch.cat([near, seen], 1)).max(-1).values.transpose(1, 2)

    def mixed(layer: nn.Module, x: Tensor) -> Tensor:
        said = torch.stack([x[:, n] @ layer.weight for n in range(8)], 1)
        return torch.stack([(layer.edges[0, n, :, None] * said).sum(1) for n in range(8)], 1) + layer.bias

    def step(part: nn.Module, x: Tensor) -> Tensor:
        y = mixed(part.layer, x)
        return part.dropout(torch.tanh(part.norm(y.reshape(len(y), -1)).view_as(y)))

    graph = net.graph
    y = step(graph.narrow, x)
    for one, other in graph.blocks:
        y = y + step(other, step(one, y))
    return F.cross_entropy(net.classify((x + mixed(graph.widen, y)).mean(1)), target)


def skd_tstsan(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Blocks cut, enlarged and scaled one by one; the flows' onset is a map of zeros, encoded as all others."""

    def scaled(image: Tensor) -> Tensor:
        image = F.interpolate(image, net.small, mode="bilinear")
        low, high = image.amin((1, 2, 3), keepdim=True), image.amax((1, 2, 3), keepdim=True)
        return (image - low) / (high - low).clamp(min=1e-12)

    def blocks(image: Tensor) -> Tensor:
        edge = net.size // 4
        cut = [
            scaled(image[:, :, edge * row : edge * (row + 1), edge * column : edge * (column + 1)])
            for row in range(4)
            for column in range(4)
        ]
        return torch.cat(cut, 1)

    def magnified(part: nn.Module, still: Tensor, moved: Tensor) -> Tensor:
        code, before = part.encode(moved), part.encode(still)
        return code + part.enlarge(part.factor * part.compare(code - before))

    def seen(part: nn.Module, code: Tensor) -> list[Tensor]:
        start = part.start(code)
        middle = part.middle(start)
        return [part.helpers[0](start), part.helpers[1](middle), part.end(middle)]

    def focal(logits: Tensor) -> Tensor:
        losses = F.cross_entropy(logits, target, reduction="none")
        weights = torch.stack([1 / net.counts[label].clamp(min=1) for label in target])
        return (weights * (1 - torch.exp(-losses)) ** 2 * losses).sum() / weights.sum()

    onset, apex = batch["pair"][:, :1], batch["pair"][:, 1:]
    flows = torch.stack([batch["rise"], batch["fall"]], 1).flatten(0, 1)
    parts = [
        seen(net.parts[name], magnified(net.magnifiers[name], still, moved))
        for name, still, moved in (
            ("blocks", blocks(onset), blocks(apex)),
            ("whole", scaled(onset), scaled(apex)),
            ("flows", torch.zeros_like(flows), flows),
        )
    ]
    pooled = []
    for n in range(3):
        over_time = parts[2][n].view(len(onset), 2, *parts[2][n].shape[1:]).mean(1)
        pooled.append(torch.cat([parts[0][n], parts[1][n], over_time], 1).mean((2, 3)))
    said = [head[2](head[1](x)) for head, x in zip((*net.helpers, net.head), pooled, strict=True)]
    loss = focal(said[2])
    for n in range(2):
        told, known = torch.log_softmax(said[n] / 3, 1), torch.softmax(said[2].detach() / 3, 1)
        loss = loss + 0.9 * focal(said[n]) + 0.1 * 9 * F.kl_div(told, known, reduction="batchmean")
        active = ((pooled[n] > 0) | (pooled[2] > 0)).float()
        loss = loss + 1e-6 * ((pooled[n] - pooled[2]) ** 2 * active).sum()
    return loss


def aman(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Copies one by one."""

    def front(image: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(net.front.norm1(net.front.conv1(image))), 3, 2, padding=1)
        return net.front.layer3(net.front.layer2(net.front.layer1(x)))

    frames = []
    for frame in batch["copies"].unbind(1):
        copies = []
        for copy in frame.unbind(1):
            with torch.no_grad():
                seen = front(copy)
            copies.append(net.layer4(seen))
        frames.append(copies)
    looks, betas = [], []
    for copies in frames:
        pooled = [copy.mean((2, 3)) for copy in copies]
        alphas = [torch.sigmoid(net.alpha(one)) for one in pooled]
        total = sum(alphas)
        betas.append(torch.sigmoid(net.beta(sum(a * one for a, one in zip(alphas, pooled, strict=True)) / total)))
        looks.append(
            sum(a[..., None, None] * copy for a, copy in zip(alphas, copies, strict=True)) / total[..., None, None]
        )
    maps = sum(b[..., None, None] * look for b, look in zip(betas, looks, strict=True)) / sum(betas)[..., None, None]
    return F.cross_entropy(net.head[1](maps.mean((2, 3))), target)


def mol(net: nn.Module, batch: Batch, target: Tensor) -> Tensor:
    """Frame by frame, pair by pair, displacement by displacement."""

    def whole(part: nn.Module, x: Tensor) -> Tensor:
        return torch.cat([half(one) for half, one in zip(part.halves, x.chunk(2, 1), strict=True)], 1)

    def relation(part: nn.Module, maps: Tensor) -> Tensor:
        x = maps.flatten(2)
        unit = F.normalize(x, dim=1)
        alike = (unit.transpose(1, 2) @ unit).topk(4, -1).indices
        own, edges = part.own(x), []
        for n in range(4):
            other = torch.stack([x[clip][:, alike[clip, :, n]] for clip in range(len(x))])
            edges.append(F.relu(own + part.off(other - x - x)))
        return torch.stack(edges).max(0).values.view_as(maps)

    def correlation(one: Tensor, other: Tensor) -> Tensor:
        height, width = one.shape[2:]
        padded, found = F.pad(other, (20, 20, 20, 20)), []
        for down in range(0, 41, 2):
            for across in range(0, 41, 2):
                found.append((one * padded[:, :, down : down + height, across : across + width]).mean(1))
        return torch.stack(found, 1)

    def flow_of(part: nn.Module, before: Tensor, after: Tensor, *maps: Tensor) -> Tensor:
        skips, other = [before], after
        for layer in part.look:
            skips.append(layer(skips[-1]))
            other = layer(other)
        related = F.leaky_relu(correlation(skips[-1], other), 0.1)
        x = part.join(torch.cat([part.keep(skips.pop()), related, *maps], 1))
        for layer in part.down:
            skips.append(x)
            x = layer(x)
        flow = part.tell[0](x)
        for up, tell, enlarge in zip(part.up, part.tell[1:], part.enlarge, strict=True):
            x = torch.cat([skips.pop(), F.leaky_relu(up(x), 0.1), enlarge(flow)], 1)
            flow = tell(x)
        return flow

    frames = batch["frames"]
    pairs, off_flow, off_points = [], 0.0, 0.0
    for n in range(7):
        first, second = (net.stack(frames[:, m : m + 1]) for m in (n, n + 1))
        before, after = whole(net.wholes[0], first), whole(net.wholes[1], second)
        before, after = before + relation(net.relations[0], before), after + relation(net.relations[1], after)
        pairs += [before, after]
        flow = flow_of(net.flow, frames[:, n : n + 1], frames[:, n + 1 : n + 2], before, after)
        off_flow = off_flow + (flow - batch["flows"][:, n]).square().mean() / 7
        told, points = net.points.layers(after).view(-1, 68, 2), batch["points"][:, n + 1]
        for clip in range(len(told)):
            eyes = (points[clip, 36:42].mean(0) - points[clip, 42:48].mean(0)).norm().clamp(min=1)
            off_points = off_points + (told[clip] - points[clip]).abs().sum() / eyes / 68 / len(told)
    film = torch.stack(pairs, -1)
    maps = net.over_time(film).movedim(-1, 2).flatten(1, 2)
    loss = F.cross_entropy(linears(net.head, maps.flatten(1)), target)
    return loss + net.flow_weight * off_flow / 7 + net.points_weight * off_points


# -- descriptions


def uniform_bins() -> np.ndarray:
    """(256,) the bin of each code."""
    bins, count = np.zeros(256, int), 0
    for code in range(256):
        bits = [code >> n & 1 for n in range(8)]
        if sum(bits[n] != bits[n - 1] for n in range(8)) <= 2:
            count += 1
            bins[code] = count
    return bins


def block_counts(codes: np.ndarray, bins: int, blocks: int, border: int, size: int) -> list[np.ndarray]:
    """Histograms, each of sum 1, of blocks × blocks of the centres. codes: (t, h, w)."""
    edges = [n * (size - 2 * border) // blocks for n in range(blocks + 1)]
    counts = []
    for row in range(blocks):
        for column in range(blocks):
            part = codes[:, edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
            histogram = np.histogram(part, np.arange(bins + 1))[0]
            counts.append(histogram / max(1, histogram.sum()))
    return counts


def codes_of(clip: np.ndarray, offsets: list[tuple[int, int, int]], radius: int, radius_t: int) -> np.ndarray:
    """A bit for each neighbour that is at least as bright, frame by frame."""
    time, height, width = clip.shape
    frames = []
    for t in range(radius_t, time - radius_t):
        centre = clip[t, radius : height - radius, radius : width - radius]
        code = np.zeros(centre.shape, int)
        for bit, (dt, dy, dx) in enumerate(offsets):
            other = clip[t + dt, radius + dy : height - radius + dy, radius + dx : width - radius + dx]
            code += (other >= centre).astype(int) << bit
        frames.append(code)
    return np.stack(frames)


def lbp_top(clip: np.ndarray, blocks: int, radius: int, radius_t: int) -> np.ndarray:
    """One clip (T, H, W), nearest pixels."""

    def round_half_up(value: float) -> int:
        return math.floor(round(value, 9) + 0.5)

    planes: list[list[tuple[int, int, int]]] = [[], [], []]
    for n in range(8):
        cos, sin = math.cos(2 * math.pi * n / 8), math.sin(2 * math.pi * n / 8)
        planes[0].append((0, round_half_up(-radius * sin), round_half_up(radius * cos)))
        planes[1].append((round_half_up(radius_t * sin), 0, round_half_up(radius * cos)))
        planes[2].append((round_half_up(radius_t * cos), round_half_up(-radius * sin), 0))
    bins = uniform_bins()
    each = [
        block_counts(bins[codes_of(clip, offsets, radius, radius_t)], 59, blocks, radius, clip.shape[1])
        for offsets in planes
    ]
    return np.concatenate([part for block in zip(*each, strict=True) for part in block])


def lbp_sip(clip: np.ndarray, blocks: int, radius: int, radius_t: int) -> np.ndarray:
    space = [(0, 0, radius), (0, -radius, 0), (0, 0, -radius), (0, radius, 0)]
    time = [(radius_t, 0, 0), (-radius_t, 0, 0)]
    each = [
        block_counts(codes_of(clip, offsets, radius, radius_t), bins, blocks, radius, clip.shape[1])
        for offsets, bins in ((space, 16), (time, 4))
    ]
    return np.concatenate([part for block in zip(*each, strict=True) for part in block])


def bi_woof(flow: np.ndarray, blocks: int) -> np.ndarray:
    """One clip's flow (2, H, W), block by block."""
    u, v = flow
    (u_y, u_x), (v_y, v_x) = np.gradient(u), np.gradient(v)
    strain, size = np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2), np.hypot(u, v)
    direction = np.floor((np.degrees(np.arctan2(v, u)) + 180) / 45).astype(int) % 8
    edges = [n * len(u) // blocks for n in range(blocks + 1)]
    described = []
    for row in range(blocks):
        for column in range(blocks):
            part = slice(edges[row], edges[row + 1]), slice(edges[column], edges[column + 1])
            histogram = np.histogram(direction[part], np.arange(9), weights=size[part])[0]
            described.append(histogram / max(1e-12, histogram.sum()) * strain[part].mean())
    joined = np.concatenate(described)
    return joined / max(1e-12, np.linalg.norm(joined))


def mdmo(flows: np.ndarray, landmarks: np.ndarray, polygons: np.ndarray, beta: float) -> np.ndarray:
    """One clip's flows (T, 2, H, W), frame by frame and region by region; polygons: (36, 4, 2)."""
    size = flows.shape[-1]
    y, x = np.mgrid[:size, :size].astype(np.float32)
    regions = []
    for polygon in polygons:
        inside = np.zeros((size, size), bool)
        for (ax, ay), (bx, by) in zip(np.roll(polygon, 1, 0), polygon, strict=True):
            if ay != by:
                inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * (bx - ax) / (by - ay))
        regions.append(inside)
    rigid = landmarks[[*range(6), *range(11, 17), 30]]
    ones = np.column_stack([rigid, np.ones(len(rigid))])
    moved = np.zeros((len(regions), 2))
    for flow in flows:
        head = np.empty_like(flow)
        for n in range(2):
            there = [between(flow[n], *point) for point in rigid]
            a, b, c = np.linalg.lstsq(ones, np.array(there), rcond=None)[0]
            head[n] = a * x + b * y + c
        u, v = flow - head
        direction = np.round(np.arctan2(v, u) / (np.pi / 4)).astype(int) % 8
        for n, inside in enumerate(regions):
            if inside.any():
                main = np.bincount(direction[inside], minlength=8).argmax()
                chosen = inside & (direction == main)
                moved[n] += u[chosen].mean(), v[chosen].mean()
    u, v = (moved / len(flows)).T
    magnitude = np.hypot(u, v)
    return np.concatenate([beta * magnitude / max(1e-12, magnitude.max()), (1 - beta) * np.arctan2(v, u)])


def between(image: np.ndarray, x: float, y: float) -> float:
    """Bilinear, the border repeated."""
    x, y = (min(max(float(value), 0.0), len(image) - 1.0) for value in (x, y))
    left, top = int(x), int(y)
    right, below = min(left + 1, len(image) - 1), min(top + 1, len(image) - 1)
    upper = image[top, left] * (1 - x + left) + image[top, right] * (x - left)
    lower = image[below, left] * (1 - x + left) + image[below, right] * (x - left)
    return upper * (1 - y + top) + lower * (y - top)
