"""Tags in one column: only whole tags match, whatever characters they contain."""

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pileus_network.db.columns import Tags, tagged


class Model(DeclarativeBase):
    pass


class Thing(Model):
    __tablename__ = "things"
    id: Mapped[int] = mapped_column(primary_key=True)
    tags: Mapped[list[str]] = mapped_column(Tags)


@pytest.mark.parametrize("tag", ["a", "A", 'with "quotes"', "back\\slash", "line\nbreak", "%", "_", "ä", " "])
def test_found_exactly(tag: str) -> None:
    engine = create_engine("sqlite://")
    Model.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(
            [Thing(id=1, tags=["x", tag]), Thing(id=2, tags=[tag + "y", "y" + tag, tag * 2]), Thing(id=3, tags=[])]
        )
        session.flush()
        session.expire_all()
        assert list(session.scalars(select(Thing.id).where(tagged(Thing.tags, tag)))) == [1]
        assert session.get_one(Thing, 1).tags == sorted(["x", tag]) and session.get_one(Thing, 3).tags == []
