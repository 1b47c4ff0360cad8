"""A sheet of micro-expressions beside the main sheet of the same videos: which has the macro-expressions, and no emotion."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from tsfmicro.data.annotated import Source
from tsfmicro.data.entries import Entry, Flag
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import Columns, Row, Table, whole
from tsfmicro.types import Clip


class WithMainSheet(HeadedDataset):
    """A dataset whose micro-expressions have a sheet of their own. Where the main sheet is there too, its macro-expressions are
    read, and what it says of the micro-expressions is compared.

    Attributes: main_columns: how the main sheet heads what we read, `kind` among it; it is known by these.
    """

    main_columns: ClassVar[Columns]

    @abstractmethod
    def main_entry(self, row: Row) -> Entry | str:
        """What a row of the main sheet says; in words why it names no expression."""

    @abstractmethod
    def key(self, entry: Entry) -> Hashable:
        """What an expression is known by in both sheets."""

    def refuses(self, table: Table) -> str:
        return "" if self._is_main(table) else super().refuses(table)

    def beside_only(self, table: Table) -> str:
        return "no column for emotion: it is the main sheet" if self._is_main(table) else ""

    def chosen(self, tables: Sequence[Table]) -> tuple[Table, ...]:
        main = [table for table in tables if self._is_main(table)]
        micro = [table for table in tables if table not in main]
        return (micro[0], *main[:1])

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        main = [table.file.name for table in source.tables if self._is_main(table)]
        return super().version(source, clips) + "".join(f" with the main sheet {name}" for name in main)

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        main = [table for table in source.tables if self._is_main(table)]
        known: dict[Hashable, Entry] = {}
        for told in super().entries(Source(tuple(t for t in source.tables if t not in main), source.bases)):
            yield told
            if isinstance(told, Entry):
                known |= {self.key(entry): entry for entry in (told, self._corrected(told))}
        for table in main:
            yield from self._main_entries(table, known)

    def _is_main(self, table: Table) -> bool:
        return not table.header(self.main_columns).lacks(self.main_columns)

    def _main_entries(self, table: Table, known: Mapping[Hashable, Entry]) -> Iterator[Entry | Flag]:
        names: set[str] = set()
        seen: set[str] = set()
        for row in table.rows(self.main_columns):
            where = f"{table.file.name}, row {row.number}"
            told = self.main_entry(row)
            if isinstance(told, str):
                yield Flag(table.file.name, 0, "row names no clip", f"row {row.number}: {told}")
                continue
            micro = known.get(self.key(told))
            seen |= {self._id(micro)} if micro else set()
            if micro and told.kind == "macro":
                yield Flag(self._id(micro), 0, "a macro-expression in the main sheet", where)
            elif micro and not _agree(micro, told):
                said = f"{told.onset}/{told.apex or '–'}/{told.offset}"
                ours = f"{micro.onset}/{micro.apex or '–'}/{micro.offset}"
                yield Flag(
                    self._id(micro), 0, "other frames in the main sheet", f"{said}, where {ours} is read; {where}"
                )
            elif not micro and told.kind == "micro":
                yield Flag(
                    self._id(told), 0, "micro-expression of the main sheet only", f"no emotion, no clip; {where}"
                )
            elif not micro:
                taken = self._id(told).casefold() in names
                entry = replace(told, name=f"{told.name}_{told.offset}") if taken else told
                names.add(self._id(entry).casefold())
                yield entry
        absent = {self._id(entry): None for entry in known.values() if self._id(entry) not in seen}
        for clip in absent:
            yield Flag(clip, 0, "not in the main sheet", table.file.name)


def _agree(micro: Entry, main: Entry) -> bool:
    """Whether both have the same apex, where both have one, and offset; a micro-expression may be corrected."""
    pairs = [(micro.offset, main.offset)] + ([(micro.apex, main.apex)] if None not in (micro.apex, main.apex) else [])
    return all(whole(one) == whole(other) for one, other in pairs)
