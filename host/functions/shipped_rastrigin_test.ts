import rastrigin from "../../plugins/functions/rastrigin/task.ts";
import { shipped } from "../testing/shipped.ts";

shipped("rastrigin", rastrigin, ["better", "parse", "better"]);
